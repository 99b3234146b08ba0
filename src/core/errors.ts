/**
 * Errors that operating can bring, one class per cause. `explain` is the only place that turns one into a
 * sentence for people; the layers above show that sentence once and nothing else.
 */

/** A request to the server failed. Handled by: retrying when `retriable`, else by ending the turn with it. */
export class RequestError extends Error {
  readonly kind = 'request';
  /** @param status HTTP status, or undefined when no answer came. */
  constructor(
    readonly operation: string,
    readonly retriable: boolean,
    message: string,
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'RequestError';
  }
}

/**
 * The server does not know a session that it knew once. Handled by: saying so; no other session is made in its place, as
 * the model would know nothing of what was said.
 */
export class SessionGoneError extends RequestError {
  constructor(operation: string) {
    super(operation, false, SESSION_GONE, 404);
    this.name = 'SessionGoneError';
  }
}

const SESSION_GONE =
  'The engine does not know this session any more: its database is gone, or another one. What was said is kept here; go on in a new session.';

/** No engine binary was found, or the one named cannot run. Handled by: the welcome view and one notification. */
export class EngineMissingError extends Error {
  readonly kind = 'engine-missing';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineMissingError';
  }
}

/** The engine could not be installed. Handled by: one notification, with another try when `retriable`, and how to do it by hand. */
export class InstallError extends Error {
  readonly kind = 'install';
  /** @param retriable whether the same try can go well later, e.g. with a network or with room on the disk. */
  constructor(
    message: string,
    readonly retriable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'InstallError';
  }
}

/** Nobody said which model to use, and the engine has none of its own. Handled by: offering the choice, or the demo. */
export class ModelMissingError extends Error {
  readonly kind = 'model-missing';
  constructor() {
    super('No model is configured. Choose one as provider/model, or use the built-in demo model (“demo”).');
    this.name = 'ModelMissingError';
  }
}

/** The server did not become ready. Handled by: the start-failure card with `stderrTail` in its details. */
export class StartError extends Error {
  readonly kind = 'start';
  constructor(
    message: string,
    readonly stderrTail: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StartError';
  }
}

/** What can be wrong with the engine's database. `unusable`: it cannot even be opened. */
export type DatabaseTrouble = 'damaged' | 'locked' | 'full' | 'read-only' | 'unusable';

/**
 * The engine's own database keeps it from working. Handled by: whatever handles a failed start; a request that failed of
 * it has this as its `cause`.
 */
export class DatabaseError extends StartError {
  constructor(
    readonly trouble: DatabaseTrouble,
    message: string,
    stderrTail: string,
    options?: ErrorOptions,
  ) {
    super(message, stderrTail, options);
    this.name = 'DatabaseError';
  }
}

/** What is to be reviewed cannot be had (no git, no repository, an unknown commit). Handled by: one sentence, nothing started. */
export class TargetError extends Error {
  readonly kind = 'target';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TargetError';
  }
}

/** The journal cannot be written or read. Handled by: saying so at once; records stay in memory. */
export class JournalError extends Error {
  readonly kind = 'journal';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JournalError';
  }
}

/** A drill could not take place. Handled by: its sentence; nothing of it is left. */
export class DrillError extends Error {
  readonly kind = 'drill';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DrillError';
  }
}

/** Another live process does this run and alone may steer it. Handled by: one sentence; the run is shown as it goes on. */
export class ForeignRunError extends Error {
  readonly kind = 'foreign-run';
  constructor() {
    super('This run belongs to another window or command. Steer it there; here it is only shown.');
    this.name = 'ForeignRunError';
  }
}

/** The user or the shell cancelled. Never shown as an error. */
export class CancelledError extends Error {
  readonly kind = 'cancelled';
  constructor(message = 'Cancelled') {
    super(message);
    this.name = 'CancelledError';
  }
}

/** A sentence for people. Our own errors are written as sentences already; anything else gets its message. */
export function explain(error: unknown): string {
  if (error instanceof Error) return error.message;
  return String(error);
}

/** Ends a `switch` over a union, so that the compiler names a forgotten member. */
export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`);
}
