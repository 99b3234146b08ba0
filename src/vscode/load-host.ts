import type * as Host from './host.ts';

export type HostModule = typeof Host;

/** The heavy half, loaded on first use so that activation costs next to nothing. Node keeps it after that. */
export function loadHost(): HostModule {
  return require('./host.cjs') as HostModule;
}
