// What a module has thrown, which may be anything at all, as texts.

/** Never throws itself. */
export function thrownFacts(thrown: unknown): { readonly message: string; readonly stack: string } {
  try {
    if (!(thrown instanceof Error)) return { message: String(thrown), stack: '' };
    return { message: String(thrown.message || thrown.name), stack: String(thrown.stack ?? '') };
  } catch {
    return { message: 'it threw what cannot be told', stack: '' };
  }
}
