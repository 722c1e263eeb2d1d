// What the command of `exec` finds in its environment: where the gateway is, and each of its engines.
import type { EngineStatus } from '../../engines/status.ts';

export interface ExecPlace {
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  readonly engines: readonly EngineStatus[];
  /** What callers and administrators have to bring; undefined: nothing. */
  readonly token: string | undefined;
  readonly adminToken: string | undefined;
}

/**
 * `GREENROOM_URL`, `GREENROOM_OPENAI_BASE_URL` (the gateway's `/v1`), and for each engine `GREENROOM_ENGINE_NAME_URL` (with
 * the gateway's lobby) and, where it listens itself, `GREENROOM_ENGINE_NAME_DIRECT_URL`. The mark by which engines are
 * swept is taken out: the command is no engine. Where tokens are configured, `GREENROOM_TOKEN` (for `/v1`) and
 * `GREENROOM_ADMIN_TOKEN` (for `/engines` and `/api`).
 */
export function execEnvironment(
  inherited: NodeJS.ProcessEnv,
  { url, engines, token, adminToken }: ExecPlace,
): NodeJS.ProcessEnv {
  const { GREENROOM_INSTANCE: _, ...rest } = inherited;
  const environment: NodeJS.ProcessEnv = {
    ...rest,
    GREENROOM_URL: url,
    GREENROOM_OPENAI_BASE_URL: `${url}/v1`,
    ...(token !== undefined && { GREENROOM_TOKEN: token }),
    ...(adminToken !== undefined && { GREENROOM_ADMIN_TOKEN: adminToken }),
  };
  for (const { name, address } of engines) {
    const prefix = `GREENROOM_ENGINE_${variableName(name)}`;
    environment[`${prefix}_URL`] = `${url}/engines/${name}`;
    if (address?.startsWith('http')) environment[`${prefix}_DIRECT_URL`] = address;
  }
  return environment;
}

/** Capitals; anything but letters and digits becomes `_`. */
function variableName(engine: string): string {
  return engine.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}
