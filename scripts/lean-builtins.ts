// Node's own modules as a fast start wants them: not before they are used. `import 'node:http'` reads every getter for
// its named exports, one of which loads a whole fetch client (measured: 35 of 40 ms); node:crypto, node:child_process
// and others are 5 to 10 ms each, and `ws` asks for node:tls and node:zlib that a loopback gateway never uses. In the
// bundle each export is a getter that takes it from `process.getBuiltinModule()`.
import { builtinModules } from 'node:module';
import type { Plugin } from 'rolldown';

export function leanBuiltins(): Plugin {
  return {
    name: 'lean-builtins',
    resolveId(id) {
      const name = id.replace(/^node:/, '');
      if (!id.startsWith('node:') && !builtinModules.includes(name)) return null;
      // The bundler's own few lines stand before everything else, and need the real one.
      return name === 'module' ? { id: 'node:module', external: true } : `\0builtin:${name}`;
    },
    load(id) {
      const [, name] = /^\0builtin:(.*)$/.exec(id) ?? [];
      return name === undefined ? null : { code: onUse(name), moduleType: 'js' };
    },
  };
}

function onUse(name: string): string {
  // Loaded by the first request otherwise, only to learn that it is not HTTP/2, which our server never speaks.
  if (name === 'http2') return 'module.exports = { Http2ServerRequest: class {}, constants: {} };';
  const builtin = `process.getBuiltinModule('node:${name}')`;
  // A few are functions or classes themselves: those that everything begins with anyway.
  if (typeof process.getBuiltinModule(`node:${name}`) === 'function') return `module.exports = ${builtin};`;
  const names = Object.getOwnPropertyNames(process.getBuiltinModule(`node:${name}`));
  const getters = names.map(
    (key) => `get ${JSON.stringify(key)}() { return ${builtin}[${JSON.stringify(key)}]; }`,
  );
  return `module.exports = { ${getters.join(', ')} };`;
}
