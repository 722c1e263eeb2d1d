// Filled in by the build from package.json.
declare const __VERSION__: string | undefined;

/** `0.0.0-source` where the sources run as they are. */
export const version: string = typeof __VERSION__ === 'string' ? __VERSION__ : '0.0.0-source';
