// A start that fails half-way, where nothing from outside can make it: what was acquired is released, and nothing waits.
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { Door } from '../../../src/gateway/door.ts';
import { Gateway } from '../../../src/gateway/gateway.ts';
import { testFolder } from '../../support/folder.ts';

class BrokenDoor extends Door {
  override attach(): void {
    throw new Error('nobody can be let in');
  }
}

test('a fault between the log and the first caller ends the start with its cause, and holds nothing up', async () => {
  await using folder = await testFolder();
  const { config, secrets } = await loadConfig({ env: {}, cwd: folder.path, listen: '127.0.0.1:0' });
  const door = new BrokenDoor();
  await door.listen(config.listen);
  let created: Gateway | undefined;
  const onCreated = (gateway: Gateway) => {
    created = gateway;
  };
  await expect(Gateway.open({ door, config, secrets, onCreated })).rejects.toThrow('nobody can be let in');
  const report = await created?.shutdown.done;
  expect(report).toMatchObject({ reason: 'startup_failed', exitCode: 1, forced: [] });
  expect(created?.tree()).toMatchObject({ state: 'closed' });
  expect(door.state).toBe('closed');
  // The lock is free again.
  const lock = new DatabaseSync(`${config.dataDirectory}/lock.db`);
  lock.exec('BEGIN EXCLUSIVE');
  lock.close();
});
