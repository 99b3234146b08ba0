/**
 * The well-behaved part that the misbehaving servers share: a loopback HTTP server with a workspace route, a health
 * route, a clean-up route, and a way for a test to end it.
 */
import { createServer } from 'node:http';

/** @param {{ guarded?: boolean, workspace?: [number, string] }} options */
export function serve({ guarded = true, workspace = [200, '{}'] } = {}) {
  const expected = `Bearer ${process.env.FAKE_PASSWORD}`;
  const server = createServer((request, response) => {
    const answer = (status, body) => response.writeHead(status).end(body);
    if (guarded && request.headers.authorization !== expected) return answer(401, '');
    const url = new URL(request.url, 'http://fake');
    switch (url.pathname) {
      case '/workspace':
        return answer(...workspace);
      case '/dispose':
        process.stdout.write('work disposed\n');
        return answer(200, '{}');
      case '/exit':
        return process.stderr.write('the last words\n', () =>
          process.exit(Number(url.searchParams.get('code'))),
        );
      default:
        return answer(200, '{}');
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`fake server listening on http://127.0.0.1:${server.address().port}`),
    );
  });
}
