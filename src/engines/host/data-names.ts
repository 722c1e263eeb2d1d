// Names within the data directory of a gateway, by which its process is known to others. Imports nothing.
export const lockName = 'lock.db';
export const recordName = 'gateway.json';
