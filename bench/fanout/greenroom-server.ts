// Ours: the gateway as a library (the one that is built, or another that is named), published to in process.
import { repositoryFile } from '../measure.ts';
import { produce } from './producer.ts';

const [, , library = repositoryFile('dist/index.js')] = process.argv;
const { startGateway } = (await import(library)) as typeof import('../../src/index.ts');
const set = ['engines={}', 'pipelines={}', 'store=none', 'limits.connections=20000'];
const gateway = await startGateway({ listen: '127.0.0.1:0', data: 'data', set });
process.on('SIGTERM', () => void gateway.close().then(() => process.exit()));
produce(Number(new URL(gateway.url).port), (event) => void gateway.publish('face_processor', event));
