import * as v from 'valibot';
import type { PanelMessage } from '../src/core/protocol.ts';

/** What VS Code hands to a webview, once per page. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

const ScrollSchema = v.variant('at', [
  v.object({ at: v.literal('end') }),
  /** `offset`: how far the row's top is below the top of the view, CSS pixels. */
  v.object({ at: v.literal('row'), id: v.string(), offset: v.number() }),
]);
export type ScrollPlace = v.InferOutput<typeof ScrollSchema>;

const UiStateSchema = v.object({
  runId: v.string(),
  /** Rows that the user opened or closed. */
  folds: v.record(v.string(), v.boolean()),
  scroll: ScrollSchema,
});
/** What belongs to the user's view of one run and to nobody else; kept while the panel is hidden. */
export type UiState = v.InferOutput<typeof UiStateSchema>;

/** Folds kept per run; beyond that the oldest are forgotten and those rows are folded again. */
const MAX_FOLDS = 500;

/** The panel's only way out: messages to the host, and the state that VS Code keeps for a hidden panel. */
export interface Host {
  post(message: PanelMessage): void;
  /** The state kept for this run; a fresh one for any other. */
  ui(runId: string): UiState;
  keep(runId: string, change: Partial<Omit<UiState, 'runId'>>): void;
}

/** Takes the page's `acquireVsCodeApi`, which VS Code allows once. */
export function connectHost(): Host {
  const api = acquireVsCodeApi();
  const stored = v.safeParse(UiStateSchema, api.getState());
  let state: UiState | undefined = stored.success ? stored.output : undefined;

  const ui = (runId: string): UiState =>
    state?.runId === runId ? state : { runId, folds: {}, scroll: { at: 'end' } };
  return {
    post: (message) => api.postMessage(message),
    ui,
    keep: (runId, change) => {
      const next = { ...ui(runId), ...change };
      const folds = Object.entries(next.folds);
      state =
        folds.length > MAX_FOLDS ? { ...next, folds: Object.fromEntries(folds.slice(-MAX_FOLDS)) } : next;
      api.setState(state);
    },
  };
}
