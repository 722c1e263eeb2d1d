// The gateway's log, in its data directory. Its library is loaded when it is opened: the door does not wait for it.
import { join } from 'node:path';
import type { LogLevel } from '../config/types.ts';
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import type { FileLog } from '../telemetry/log.ts';
import type { DataDirectory } from './data-directory.ts';

/** The caller closes it by `closeGatewayLog`, before the directory. */
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

/** The shutdown's report is its last line: all of it but the end of the stage that closes the log. */
export function closeGatewayLog(log: FileLog, report: ShutdownReport | undefined): Promise<void> {
  if (report) {
    const { forced, ms, exitCode } = report;
    const end = forced.length > 0 ? `, forced: ${forced.join(', ')}` : '';
    const line = `left but for this log in ${Math.round(ms)} ms, exit code ${exitCode}${end}`;
    log[exitCode === 0 ? 'info' : 'warn'](report, line);
  }
  return log.close();
}
