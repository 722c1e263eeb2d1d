// The gateway's HTTP surface, asked as anybody may.

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

interface ListOf<T> {
  readonly data: readonly T[];
}

/** Rejects with an ApiError: `gateway_unreachable`, or the code of the refusal. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin' });
  } catch {
    throw new ApiError('gateway_unreachable', `${path}: the gateway does not answer`, 0);
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const { error } = (body ?? {}) as { error?: { code?: string; message?: string } };
  const { code = 'unknown', message = `${path}: ${response.status} ${response.statusText}` } = error ?? {};
  throw new ApiError(code, message, response.status);
}

export const askList = async <T>(path: string): Promise<readonly T[]> => (await ask<ListOf<T>>(path)).data;

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

export const remove = <T>(path: string): Promise<T> => ask(path, { method: 'DELETE' });

export const wordsOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
