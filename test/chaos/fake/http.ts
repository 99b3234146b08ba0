/** Requests of one process of ours to the fake engine, with everything that can become of them on the way. */
import type { EventStreamHandler } from '../../../src/node/http/event-stream.ts';
import type { HttpClient, HttpRequest } from '../../../src/node/http/http-client.ts';
import { connectionProblem, connectionReason, refusal } from '../../../src/node/http/problems.ts';
import { RequestError } from '../../../src/core/errors.ts';
import { answerTo, isGone, type Reply } from './routes.ts';
import type { FakeServer } from './server.ts';
import type { ProcessClock } from './time.ts';

/** As long as the real transport waits for a stream to be accepted, ms. */
const OPEN_TIMEOUT_MS = 10_000;

export function createFakeHttp(server: FakeServer, clock: ProcessClock): HttpClient {
  const { world } = server;
  const closings = new Set<() => void>();
  let isClosed = false;

  function json(request: HttpRequest): Promise<unknown> {
    const { operation, timeoutMs } = request;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = (act: () => void): void => {
        if (isOver || clock.isDead) return;
        isOver = true;
        cancel();
        disconnect();
        closings.delete(close);
        act();
      };
      const fail = (code: string): void => settle(() => reject(connectionProblem(operation, { code })));
      const close = (): void => fail('UND_ERR_DESTROYED');
      const cancel = clock.setTimer(timeoutMs, () =>
        settle(() => {
          const seconds = Math.max(1, Math.round(timeoutMs / 1000));
          reject(
            new RequestError(
              operation,
              true,
              `Could not ${operation}: the server did not answer within ${seconds} s.`,
            ),
          );
        }),
      );
      const disconnect = server.connect({ lost: fail });
      closings.add(close);
      if (isClosed) return close();
      world.time.after(1, () => {
        if (server.isDead) return fail('ECONNREFUSED');
        if (world.time.now() < world.refusesUntil) return fail('ECONNRESET');
        // Taken also where its sender has given up: what was sent is carried out (7).
        server.after(world.between(2, 25), () => {
          void answerTo(server, request).then(
            (reply) => answer(reply),
            (error: unknown) => {
              if (!isGone(error)) throw error;
            },
          );
        });
      });
      const answer = (reply: Reply): void => {
        const { losesReplyOf } = world;
        if (losesReplyOf !== undefined && `${request.method} ${request.path}`.includes(losesReplyOf)) {
          world.losesReplyOf = undefined;
          return fail('ECONNRESET');
        }
        server.after(1 + world.replyMs, () =>
          settle(() => {
            if (reply.status < 300) resolve(reply.body);
            else reject(refusal(operation, reply.status, JSON.stringify(reply.body)));
          }),
        );
      };
    });
  }

  function events(handler: EventStreamHandler): () => void {
    let isOver = false;
    let leave = (): void => undefined;
    const finish = (reason?: string): void => {
      if (isOver || clock.isDead) return;
      isOver = true;
      cancel();
      leave();
      closings.delete(close);
      if (reason !== undefined) handler.onEnd(reason);
    };
    const close = (): void => finish();
    const cancel = clock.setTimer(OPEN_TIMEOUT_MS, () =>
      finish('the server did not open its event stream within 10 s'),
    );
    closings.add(close);
    world.time.after(1, () => {
      if (isOver) return;
      if (server.isDead) return finish(connectionReason({ code: 'ECONNREFUSED' }));
      if (world.time.now() < world.refusesUntil) return finish(connectionReason({ code: 'ECONNRESET' }));
      const isHeard = (): boolean => !isOver && !clock.isDead;
      const stream = {
        lost: (code: string) => finish(connectionReason({ code })),
        end: () => finish('the server ended its event stream'),
        open: () => {
          cancel();
          if (isHeard()) handler.onOpen();
        },
        data: (frames: string[]) => {
          if (isHeard()) handler.onBytes(frames.join('').length);
          if (isHeard()) handler.onData(frames);
        },
      };
      const disconnect = server.connect(stream);
      const close = server.openStream(stream);
      leave = () => {
        disconnect();
        close();
      };
    });
    return close;
  }

  return {
    json,
    statusWithoutCredentials: async (request) => {
      await json(request);
      return 401;
    },
    events: (_path, handler) => events(handler),
    close: () => {
      isClosed = true;
      for (const close of closings) close();
      return Promise.resolve();
    },
  };
}
