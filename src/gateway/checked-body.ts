// The JSON body of a request, held against its schema.
import * as z from 'zod';
import { GreenroomError } from '../lifecycle/errors.ts';

/** No body is an empty one. Throws `invalid_request`. */
export function checked<Shape>(schema: z.ZodType<Shape>, body: unknown): Shape {
  const read = schema.safeParse(body ?? {});
  if (read.success) return read.data;
  throw new GreenroomError('invalid_request', z.prettifyError(read.error));
}
