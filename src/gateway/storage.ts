// What a gateway keeps on disk: its data directory with the lock, and the log in it.
import { join } from 'node:path';
import type { LogLevel } from '../config/types.ts';
import { type FileLog, openFileLog } from '../telemetry/log.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';

export interface Storage {
  readonly data: DataDirectory;
  readonly log: FileLog;
  /** The log first: the lock is the last thing to go. */
  close(): Promise<void>;
}

/** Throws `data_directory_locked` or `data_directory_unusable`; nothing is left then. */
export async function openStorage(options: {
  readonly directory: string;
  readonly level: LogLevel;
  readonly mask: (text: string) => string;
}): Promise<Storage> {
  const data = await openDataDirectory(options.directory);
  try {
    const log = await openFileLog(join(data.path, 'logs', 'greenroom.log'), options.level, options.mask);
    for (const notice of data.notices) log.warn({}, notice);
    return {
      data,
      log,
      async close() {
        await log.close();
        await data.close();
      },
    };
  } catch (error) {
    await data.close();
    throw error;
  }
}
