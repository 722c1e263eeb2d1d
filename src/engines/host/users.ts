// Names of users, from the machine's own list. Who comes from elsewhere (LDAP) has a number here.
import { readProcStart } from './proc.ts';

/** Of a line of /etc/passwd: `name:x:1000:1000:...`. */
export function nameIn(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split('\n')) {
    const [name, , number] = line.split(':');
    if (name && number === String(uid)) return name;
  }
  return undefined;
}

/** Its number where it has no name here. */
export async function userName(uid: number): Promise<string> {
  const passwd = await readProcStart('/etc/passwd', passwdBytesMax);
  return nameIn(passwd?.toString() ?? '', uid) ?? String(uid);
}

const passwdBytesMax = 1024 * 1024;
