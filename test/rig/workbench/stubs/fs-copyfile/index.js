// The native module adds copy-on-write clones; a plain copy is all that a throw-away profile needs.
import { constants, copyFileSync, promises } from 'node:fs';

export { constants, copyFileSync };
export const { copyFile, cp } = promises;
export const isCloneSupported = () => Promise.resolve(false);
