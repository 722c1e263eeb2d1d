// `npm run fuzz -- [SECONDS] [SEED]`: each of the three for that long, one after the other. Prints what it did; fails
// with the seed of what it found, which repeats it.
import { GatewayProcess } from '../support/gateway-process.ts';
import { fuzzConfig } from './config.ts';
import { fuzzHttp } from './http.ts';
import { fuzzWire } from './wire.ts';

const [seconds = '60', given] = process.argv.slice(2);
const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
const untilMs = () => performance.now() + Number(seconds) * 1000;
console.log(`fuzz: ${seconds} s each, seed ${seed}`);
console.log('config', await fuzzConfig({ seed, untilMs: untilMs() }));
await using gateway = await GatewayProcess.start();
await gateway.event('ready');
console.log('http', await fuzzHttp(gateway, { seed, untilMs: untilMs() }));
console.log('wire', await fuzzWire(gateway, { seed, untilMs: untilMs() }));
