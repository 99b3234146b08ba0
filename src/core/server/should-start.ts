/** What is known when somebody asks for a server. All 32 combinations have an answer, the impossible ones too. */
export interface StartFacts {
  /** The server is at a URL that the user gave. */
  attached: boolean;
  processAlive: boolean;
  /** A start is under way, or waits for its backoff. */
  startInFlight: boolean;
  stopInFlight: boolean;
  /** This start would need a restart of the budget, and none is left. */
  budgetSpent: boolean;
}

/**
 * - `connect`: nothing of ours to start, talk to the URL
 * - `remember`: start when the stop that is under way has ended
 * - `join`: share the start that is under way
 * - `reuse`: the running process is the answer
 * - `refuse`: the budget is spent
 * - `start`: start a process
 */
export type StartDecision = 'connect' | 'remember' | 'join' | 'reuse' | 'refuse' | 'start';

/**
 * Whether asking for a server starts a process. First match wins, and only the last row starts one: as long as a
 * process may be alive there is no second one.
 *
 * | attached | stop in flight | start in flight | alive | spent | decision   |
 * |----------|----------------|-----------------|-------|-------|------------|
 * | yes      | any            | any             | any   | any   | `connect`  |
 * | no       | yes            | any             | any   | any   | `remember` |
 * | no       | no             | yes             | any   | any   | `join`     |
 * | no       | no             | no              | yes   | any   | `reuse`    |
 * | no       | no             | no              | no    | yes   | `refuse`   |
 * | no       | no             | no              | no    | no    | `start`    |
 */
export function shouldStart(facts: StartFacts): StartDecision {
  if (facts.attached) return 'connect';
  if (facts.stopInFlight) return 'remember';
  if (facts.startInFlight) return 'join';
  if (facts.processAlive) return 'reuse';
  if (facts.budgetSpent) return 'refuse';
  return 'start';
}
