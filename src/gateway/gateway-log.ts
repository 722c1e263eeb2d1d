// The gateway's log, in its data directory. Its library is loaded when it is opened: the door does not wait for it.
import { join } from 'node:path';
import type { LogLevel } from '../config/types.ts';
import type { FileLog } from '../telemetry/log.ts';
import type { DataDirectory } from './data-directory.ts';

/** The caller closes it, before the directory. */
export async function openGatewayLog(
  data: DataDirectory,
  level: LogLevel,
  mask: (text: string) => string,
): Promise<FileLog> {
  const { openFileLog } = await import('../telemetry/log.ts');
  const log = await openFileLog(join(data.path, 'logs', 'greenroom.log'), level, mask);
  for (const notice of data.notices) log.warn({}, notice);
  return log;
}
