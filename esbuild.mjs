// Builds everything that runs.
//   --production  minified, no source maps
//   --watch       again on every change
//   --tests       the test suites instead: one bundle per test file, in out/test/<suite>/
//   --bench       the measurements instead, in out/bench/
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { findSuites, suiteFiles } from './test/rig/suites.mjs';

const ROOT = import.meta.dirname;
const RIG = path.join(ROOT, 'test/rig');
const production = process.argv.includes('--production');

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: ROOT,
  bundle: true,
  legalComments: 'none',
  logLevel: 'warning',
  jsx: 'automatic',
  jsxImportSource: 'preact',
};
/** @type {import('esbuild').BuildOptions} */
const shipped = { ...common, minify: production, sourcemap: production ? false : 'linked' };
/** @type {import('esbuild').BuildOptions} */
const node = { platform: 'node', target: 'node20' };

/** Packages written as CommonJS call `require`, which an ES module lacks. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** @param {string} file @returns {string} the shebang, unless the source has its own, which esbuild keeps on top */
const shebang = (file) =>
  existsSync(file) && readFileSync(file, 'utf8').startsWith('#!') ? '' : '#!/usr/bin/env node\n';

/** @param {string} source @param {string} out @param {import('esbuild').BuildOptions} options */
const entry = (source, out, options) => ({
  ...shipped,
  ...options,
  entryPoints: [source],
  outfile: `dist/${out}`,
});

/**
 * What is shipped. The host half of the extension is a bundle of its own that activation does not load: esbuild splits
 * ES modules only, so `extension.ts` asks for the finished file by name.
 */
function products() {
  const extension = { ...node, format: /** @type {const} */ ('cjs'), external: ['vscode', './host.cjs'] };
  const cli = {
    ...node,
    format: /** @type {const} */ ('esm'),
    banner: { js: `${shebang('src/cli/main.ts')}${REQUIRE}` },
  };
  const page = { platform: /** @type {const} */ ('browser'), target: 'es2022' };
  return [
    entry('src/vscode/extension.ts', 'extension.cjs', extension),
    entry('src/vscode/host.ts', 'host.cjs', extension),
    entry('src/cli/main.ts', 'holdfast.mjs', cli),
    entry('src/node/demo-model/main.ts', 'demo-model.mjs', {
      ...node,
      format: 'esm',
      banner: { js: REQUIRE },
    }),
    entry('src/node/guardian/main.ts', 'guardian.cjs', { ...node, format: 'cjs' }),
    // Loaded by the runtime of the engine, which brings `bun:ffi`.
    entry('src/engines/opencode/companion.ts', 'opencode-companion.mjs', {
      ...node,
      format: 'esm',
      external: ['bun:ffi'],
    }),
    entry('media/panel.tsx', 'panel.js', { ...page, format: 'iife' }),
    entry('media/panel.css', 'panel.css', { ...page, loader: { '.svg': 'dataurl' } }),
  ].filter((options) => options.entryPoints.every((file) => existsSync(path.join(ROOT, file))));
}

/**
 * The rig finds its files by its own place and holds state of the run, so tests load it as it is instead of getting
 * copies. An ES module imports a file by its URL, CommonJS by its path.
 *
 * @param {'esm' | 'cjs'} format
 * @returns {import('esbuild').Plugin}
 */
const rigStaysOutside = (format) => ({
  name: 'rig-stays-outside',
  setup(build) {
    build.onResolve({ filter: /^\..*\.mjs$/ }, ({ path: request, resolveDir }) => {
      const file = path.resolve(resolveDir, request);
      if (!file.startsWith(RIG + path.sep)) return undefined;
      return { path: format === 'esm' ? pathToFileURL(file).href : file, external: true };
    });
  },
});

/** @param {string} suite @returns {import('esbuild').BuildOptions} */
function testBuild(suite) {
  const inHost = suite === 'host';
  const format = inHost ? 'cjs' : 'esm';
  const folder = path.join(ROOT, 'test', suite);
  const points = suiteFiles(suite).map((file) => ({
    in: file,
    out: path.relative(folder, file).replace(/\.tsx?$/, ''),
  }));
  if (inHost) points.push({ in: path.join(RIG, 'host-entry.ts'), out: 'index' });
  return {
    ...common,
    ...node,
    format,
    // one copy of a module for all tests of a suite, as it would be without bundling
    splitting: format === 'esm',
    entryPoints: points,
    outdir: path.join(ROOT, 'out/test', suite),
    outExtension: { '.js': inHost ? '.cjs' : '.mjs' },
    packages: 'external',
    external: ['vscode'],
    loader: { '.css': 'empty' },
    plugins: [rigStaysOutside(format)],
    sourcemap: 'linked',
    ...(format === 'esm' ? { banner: { js: REQUIRE } } : {}),
  };
}

/** Each measuring process is a program of its own. @returns {import('esbuild').BuildOptions} */
function benchBuild() {
  const files = readdirSync(path.join(ROOT, 'test/bench')).filter((file) => file.endsWith('.ts'));
  return {
    ...common,
    ...node,
    format: 'esm',
    entryPoints: files.map((file) => `test/bench/${file}`),
    outdir: 'out/bench',
    outExtension: { '.js': '.mjs' },
    packages: 'external',
  };
}

/** @returns {import('esbuild').BuildOptions[]} */
function chosenBuilds() {
  if (process.argv.includes('--bench')) return [benchBuild()];
  if (!process.argv.includes('--tests')) return products();
  rmSync(path.join(ROOT, 'out/test'), { recursive: true, force: true }); // a test that was removed must not run on
  return findSuites().map(({ name }) => testBuild(name));
}

const builds = chosenBuilds();
if (process.argv.includes('--watch')) {
  const contexts = await Promise.all(
    builds.map((options) => esbuild.context({ ...options, logLevel: 'info' })),
  );
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  // all of them, whatever happens to one; esbuild itself prints what is wrong, and where
  const outcomes = await Promise.allSettled(builds.map((options) => esbuild.build(options)));
  if (outcomes.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}
