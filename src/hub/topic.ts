// Topics, and the patterns that ask for them, as NATS has them: tokens separated by dots; `*` stands for one token, `>`
// at the end for one or more. https://docs.nats.io/nats-concepts/subjects
import { GreenroomError } from '../lifecycle/errors.ts';

export const topicBytesMax = 255;
/** Of greenroom's own life: asked for by name, by administrators. */
export const reservedPrefix = 'greenroom.';

const tokenPattern = /^[^\s.,*>\p{Cc}]+$/u;

/** Why it is no topic; undefined when it is one. Spaces within a token are taken: machines have such names. */
export function topicProblem(topic: string): string | undefined {
  if (topic === '') return 'it is empty';
  if (Buffer.byteLength(topic) > topicBytesMax) return `it is longer than ${topicBytesMax} bytes`;
  const bad = topic.split('.').find((token) => !isToken(token));
  if (bad === undefined) return undefined;
  return bad === ''
    ? 'it has an empty token'
    : `its token ${JSON.stringify(bad)} has a comma, a wildcard or a control character, or a space at its end`;
}

/** Throws `invalid_topic`. */
export function checkPattern(pattern: string): string {
  const tokens = pattern.split('.');
  const last = tokens.length - 1;
  const good =
    Buffer.byteLength(pattern) <= topicBytesMax &&
    tokens.every((token, at) => token === '*' || (token === '>' && at === last) || isToken(token));
  if (good) return pattern;
  const message = `${JSON.stringify(pattern.slice(0, 80))} asks for no topic: tokens separated by dots, "*" for one token, ">" at the end for all that follow, at most ${topicBytesMax} bytes`;
  throw new GreenroomError('invalid_topic', message);
}

export const isReserved = (topic: string): boolean =>
  topic === 'greenroom' || topic.startsWith(reservedPrefix);

/** A wildcard never stands for what is reserved. */
export function matches(pattern: string, topic: string): boolean {
  if (isReserved(topic) && !isReserved(pattern)) return false;
  const asked = pattern.split('.');
  const tokens = topic.split('.');
  for (const [at, token] of asked.entries()) {
    if (token === '>') return tokens.length > at;
    if (at >= tokens.length || (token !== '*' && token !== tokens[at])) return false;
  }
  return asked.length === tokens.length;
}

/** Whether whatever the one asks for, the other asks for too. */
export function covers(grant: string, asked: string): boolean {
  if (isReserved(asked) && !isReserved(grant)) return false;
  const granted = grant.split('.');
  const tokens = asked.split('.');
  for (const [at, token] of granted.entries()) {
    const wanted = tokens[at];
    if (wanted === undefined) return false;
    if (token === '>') return true;
    if (wanted === '>' || (token !== '*' && token !== wanted)) return false;
  }
  return granted.length === tokens.length;
}

function isToken(token: string): boolean {
  return tokenPattern.test(token.replaceAll(' ', '_')) && token === token.trim();
}
