// Who made an answer, in words. Pure.
import type { SessionItem } from './sessions-api.ts';

/** `mind (qwen), spoken by voice`; empty: nobody knows. */
export function sourceWords(source: SessionItem['source']): string {
  const words = (one: { readonly engine: string; readonly model: string | null } | null | undefined) =>
    one ? `${one.engine}${one.model === null ? '' : ` (${one.model})`}` : '';
  const [think, speak] = [words(source?.think), words(source?.speak)];
  return [think, speak === '' ? '' : `spoken by ${speak}`].filter((part) => part !== '').join(', ');
}
