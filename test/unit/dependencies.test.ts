// What `npm ci` brings on a clean clone. node-llama-cpp names 600 MB of builds for graphics cards, a script that
// downloads after its install, and packages for one processor that say they fit another: package.json and the lock file
// keep all of that out.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly name?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly hasInstallScript?: boolean;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));
const packages = Object.entries(read('package-lock.json').packages as Record<string, Entry>);
const prefix = 'node_modules/@node-llama-cpp/';

const installedOn = (os: string, cpu: string) =>
  packages
    .filter(([path, entry]) => path.startsWith(prefix) && entry.os?.includes(os) && entry.cpu?.includes(cpu))
    .map(([path]) => path.slice(prefix.length));

test.each([
  ['linux', 'x64', 'linux-x64'],
  ['linux', 'arm64', 'linux-arm64'],
  ['darwin', 'x64', 'mac-x64'],
  ['darwin', 'arm64', 'mac-arm64-metal'],
  ['win32', 'x64', 'win-x64'],
  ['win32', 'arm64', 'win-arm64'],
])('of llama.cpp, %s on %s gets one build: %s', (os, cpu, build) => {
  expect(installedOn(os, cpu)).toEqual([build]);
});

test('only the packages that must run a script when they are installed', () => {
  const scripts = packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path);
  // protobufjs has one that only warns; npm versions that ask are told no.
  expect(scripts).toEqual(['node_modules/node', 'node_modules/protobufjs']);
  const { allowScripts } = read('package.json');
  expect(allowScripts).toEqual({ node: true, 'node-llama-cpp': false, protobufjs: false });
});
