// The model of an upstream is part of `greenroom/testing`.
export { UpstreamModel } from '../../../src/testing/upstream/model.ts';
export type { ResponseKind } from '../../../src/testing/upstream/responses.ts';
