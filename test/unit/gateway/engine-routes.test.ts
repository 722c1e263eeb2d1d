// What engines answer, what is documented of it, and what the door lets through are one.
import { expect, test } from 'vitest';
import { enginePathOf, enginePaths } from '../../../src/gateway/engine-requests/engine-paths.ts';
import { openApi } from '../../../src/gateway/openapi.ts';
import { headProblem, isForSurface } from '../../../src/gateway/request-head.ts';
import { type RouteSources, routeTable } from '../../../src/gateway/route-table.ts';

const head = (url: string, bytes: number) => ({
  ...{ url, headers: { 'content-length': String(bytes) }, headersDistinct: { host: ['localhost'] } },
});
/** As a caller writes it. */
const written = (path: string) => path.replace('{name}', 'llm').replace('{path}', 'v1/models');

test.each(enginePaths)(
  '$path is documented with its methods, and known at the door with its limit',
  (entry) => {
    const { path, methods, bodyBytesMax } = entry;
    const { paths } = openApi(routeTable({} as RouteSources)) as { paths: Record<string, object> };
    const documented = Object.keys(paths[path] ?? {}).map((method) => method.toUpperCase());
    expect(documented).toEqual(methods ?? expect.arrayContaining(['GET', 'POST', 'DELETE']));
    expect(enginePathOf(written(path))).toBe(entry);
    expect(isForSurface({ url: written(path) })).toBe(true);
    expect(headProblem(head(written(path), bodyBytesMax))).toBeNull();
    expect(headProblem(head(written(path), bodyBytesMax + 1))).toMatchObject({ code: 'body_too_large' });
  },
);

test.each([
  '/v1/models',
  '/v1/chat',
  '/v1/chat/completions/',
  '/engines',
  '/engines/',
  '/api/engines',
  '/v1/realtime',
])('%s is not for engines', (url) => {
  expect(isForSurface({ url })).toBe(false);
  expect(headProblem(head(url, 1024 * 1024 + 1))).toMatchObject({ code: 'body_too_large' });
});
