// `greenroom/testing`: what our own tests are made of, usable in anyone's.
export { type StartOptions, startGateway } from '../gateway/start.ts';
export { VirtualClock } from './virtual-clock.ts';
