// The command of a `run:` engine: its arguments with `${port}` and `${host}` filled in, and its environment.

export interface CommandOptions {
  readonly run: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export function commandLine(
  options: CommandOptions,
  facts: { readonly port: number; readonly host: string },
): string[] {
  const values: Readonly<Record<string, string>> = { port: String(facts.port), host: facts.host };
  return options.run.map((argument) =>
    argument.replace(/\$\{(port|host)\}/g, (_, name: string) => values[name] ?? ''),
  );
}

export function engineEnvironment(
  options: CommandOptions,
  facts: { readonly port: number; readonly host: string; readonly marker: string },
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PORT: String(facts.port),
    HOST: facts.host,
    ...options.env,
    GREENROOM_INSTANCE: facts.marker,
  };
}
