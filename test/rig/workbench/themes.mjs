/** Names for `theme`, with the settings id that each stands for. */
export const THEMES = /** @type {const} */ ({
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  'hc-dark': 'Default High Contrast',
  'hc-light': 'Default High Contrast Light',
});
/** @typedef {keyof typeof THEMES} Theme */
