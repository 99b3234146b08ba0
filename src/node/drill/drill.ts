/** A whole drill: one fault after the other, and nothing left of it afterwards. */
import { type DrillReport, type FaultResult, promisesOf, resultOf } from '../../core/drill/report.ts';
import { type FaultName } from '../../core/drill/faults.ts';
import { type DrillDesk, play } from './play.ts';

export interface DrillSteps {
  /** A fault is about to be injected; `number` counts from 1. */
  onFault(fault: FaultName, number: number): void;
  /** How it goes. */
  onStep(fault: FaultName, text: string): void;
  onResult(result: FaultResult): void;
}

/**
 * Plays the faults in turn.
 * @throws CancelledError, and what kept it from beginning; nothing of it runs any more then.
 */
export async function playAll(
  faults: readonly FaultName[],
  desk: Omit<DrillDesk, 'tell'>,
  steps: DrillSteps,
): Promise<Pick<DrillReport, 'faults' | 'promises' | 'held'>> {
  const results: FaultResult[] = [];
  for (const [index, fault] of faults.entries()) {
    steps.onFault(fault, index + 1);
    const evidence = await play(fault, { ...desk, tell: (text) => steps.onStep(fault, text) });
    const result = resultOf(evidence);
    results.push(result);
    steps.onResult(result);
  }
  const promises = promisesOf(results);
  return { faults: results, promises, held: promises.filter(({ held }) => held).length };
}
