// What the gateway's surface has: asked once of its own description, so that the page offers nothing that is not there.
import { signal } from '@preact/signals';
import { ask } from './api.ts';
import { linkCount } from './gateway.ts';

interface Description {
  readonly paths: Readonly<Record<string, object>>;
}

const paths = signal<ReadonlySet<string>>(new Set());
let asked: Promise<ReadonlySet<string>> | undefined;

/** Another gateway may be another version. */
export function followAbilities(): void {
  linkCount.subscribe((count) => {
    if (count === 0) return;
    asked = undefined;
    void abilities().catch(() => undefined);
  });
}

/** Moves what is drawn when it is known. @param path as the description has it: `/api/sessions/{id}` */
export const has = (path: string): boolean => paths.value.has(path);

/** The same for what is asked rather than drawn: waits until it is known. */
export const hasNow = async (path: string): Promise<boolean> => (await abilities()).has(path);

async function abilities(): Promise<ReadonlySet<string>> {
  asked ??= ask<Description>('/openapi.json').then(({ paths: all }) => new Set(Object.keys(all)));
  try {
    paths.value = await asked;
  } catch (thrown) {
    asked = undefined;
    throw thrown;
  }
  return paths.value;
}
