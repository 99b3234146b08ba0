import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

const RIG = path.join(ROOT, 'test/rig');
export const ENGINE = path.join(RIG, 'engine');
export const WORKBENCH = path.join(RIG, 'workbench');
export const BROWSER = path.join(RIG, 'browser');

export const DIST = path.join(ROOT, 'dist');
export const VSIX = path.join(DIST, 'holdfast.vsix');
/** Built tests: one folder per suite. */
export const TEST_OUT = path.join(ROOT, 'out/test');
