// Why a door could not listen, and what to do about it.
import { GreenroomError } from '../lifecycle/errors.ts';

/** @param holder who has the address, and how to stop it; undefined where that is not known */
export function listenFailure(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  holder?: string,
): GreenroomError {
  const where = `${host}:${port}`;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `${holder ?? unseen(port)}, or choose another address with --listen`,
    EACCES: 'this user may not listen there; ports below 1024 need privileges',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the host name is not known',
  };
  const hint = hints[error.code ?? ''] ?? error.message;
  return new GreenroomError('listen_failed', `cannot listen on ${where}: ${hint}`, {
    cause: error,
    details: { host, port },
  });
}

const unseen = (port: number): string =>
  `something else listens there (\`lsof -nP -iTCP:${port} -sTCP:LISTEN\` names it); stop it`;
