import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../core/engine.ts';
import { createOpencodeClient } from './client.ts';
import { makeId } from './ids.ts';
import { dataPath, launchSpec } from './launch.ts';
import { locateOpencode } from './locate.ts';
import { READ_ONLY_PERMISSIONS } from './permissions.ts';
import type { Sleep } from './retry.ts';

/** The opencode engine. `sleep` waits between tries of a request. */
export function createOpencodeEngine(sleep: Sleep = (ms) => delay(ms)): Engine {
  return {
    kind: 'opencode',
    readOnlyPermissions: READ_ONLY_PERMISSIONS,
    locate: locateOpencode,
    launch: launchSpec,
    dataPath,
    connect: (options) => createOpencodeClient(options, sleep),
    newPromptIds() {
      const now = Date.now();
      return { messageId: makeId('msg', now), partId: makeId('prt', now) };
    },
  };
}
