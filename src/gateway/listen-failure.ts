// Why a door could not listen, and what to do about it.
import { GreenroomError } from '../lifecycle/errors.ts';

export function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): GreenroomError {
  const where = `${host}:${port}`;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `something else listens there (\`lsof -nP -iTCP:${port} -sTCP:LISTEN\` names it); stop it, or choose another address with --listen`,
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
