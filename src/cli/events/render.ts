// How events are shown: one line each. Pure: the time and the width of the terminal are given. All that others wrote is
// made printable first; the only control sequences are our colours.
import { styleText } from 'node:util';
import type { HubEvent, HubTold } from '../../client/index.ts';
import { formatAge } from '../../config/units.ts';
import { oneLine } from '../printable.ts';
import { seconds } from '../screen.ts';
import { cutEnd, widthOf } from '../text-width.ts';

export interface Look {
  /** Of the terminal; null: lines are as long as they are. */
  readonly columns: number | null;
  readonly colours: 'on' | 'off';
}

type Style = Parameters<typeof styleText>[0];

const topicStyles: readonly Style[] = [
  'cyan',
  'green',
  'yellow',
  'blue',
  'magenta',
  'cyanBright',
  'greenBright',
];
const topicWidth = 20;
const lagWidth = 8;
/** Below that it is the network, or the clocks. */
const lagShownMs = 100;

/** `14:03:22.118  +1.2 s    machine.press         {"state":"running"}` */
export function eventLine(event: HubEvent & { readonly raw: string }, nowMs: number, look: Look): string {
  const { topic, ts } = event;
  const lagMs = nowMs - ts;
  const lag = (lagMs > lagShownMs ? `+${lagMs < 60_000 ? seconds(lagMs) : formatAge(lagMs)}` : '').padEnd(
    lagWidth,
  );
  const name = oneLine(topic);
  const shownTopic = name + ' '.repeat(Math.max(0, topicWidth - widthOf(name)));
  const time = clockTime(ts);
  const taken = widthOf(`${time} ${lag} ${shownTopic} `);
  const data = oneLine(dataText(event));
  const rest = look.columns === null ? data : cutEnd(data, Math.max(10, look.columns - taken - 1));
  const paint = painter(look);
  return `${paint('dim', time)} ${paint('yellow', lag)} ${paint(styleOf(topic), shownTopic)} ${rest}`.trimEnd();
}

/** What stands out between the events. */
export function remarkLine(kind: 'quiet' | 'warning' | 'loss', text: string, look: Look): string {
  const style: Style = kind === 'loss' ? 'red' : kind === 'warning' ? 'yellow' : 'dim';
  return painter(look)(style, `── ${oneLine(text)}`);
}

export function gapText({ from, to, count, reason }: HubTold['gap']): string {
  const many =
    count === null ? 'events are missing' : `${count} ${count === 1 ? 'event is' : 'events are'} missing`;
  const why: Readonly<Record<string, string>> = {
    expired: 'older than what the gateway keeps',
    epoch: 'the gateway was started anew',
    ahead: 'that id has not been given yet',
    slow: 'too slow for all of them',
    conflated: 'too slow for all of them; the newest of each key follow',
  };
  return `${many}, from ${from} to ${to}: ${why[reason] ?? reason}`;
}

export function lagText({ ms, events }: HubTold['lag']): string {
  if (events === 0) return `slow: no answer for ${seconds(ms)}`;
  return `slow: ${seconds(ms)} and ${events} events behind`;
}

export function evictedText({ reason, ms, lastId, ts }: HubTold['evicted']): string {
  const why =
    reason === 'silent' ? `did not answer for ${seconds(ms)}` : `did not take what is ${seconds(ms)} old`;
  return `sent away at ${clockTime(ts)}: ${why}${lastId === null ? '' : `; back from ${lastId} on`}`;
}

/** Local time; what is no time is shown as it came. */
export function clockTime(ts: number): string {
  const date = new Date(ts);
  if (Number.isNaN(date.getTime())) return String(ts).padEnd(12);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

function painter({ colours }: Look): (style: Style, text: string) => string {
  return (style, text) =>
    colours === 'on' && text.trim() !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** The same for a topic in every run. */
function styleOf(topic: string): Style {
  let hash = 0;
  for (const character of topic) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return topicStyles[hash % topicStyles.length] ?? 'cyan';
}

interface Source {
  readonly source?: string;
}

/** A number with more digits than JavaScript's have is shown as it came. */
function dataText({ data, raw }: { readonly data: unknown; readonly raw: string }): string {
  if (!/\d{16}/.test(raw)) return JSON.stringify(data) ?? '';
  const { rawJSON } = JSON as typeof JSON & { rawJSON?: (text: string) => unknown };
  if (!rawJSON) return JSON.stringify(data) ?? '';
  const keep = (_key: string, value: unknown, { source }: Source = {}) =>
    typeof value === 'number' && source !== undefined ? rawJSON(source) : value;
  const whole = JSON.parse(raw, keep as (key: string, value: unknown) => unknown) as { data?: unknown };
  return JSON.stringify(whole.data) ?? '';
}
