// A websocket client with npm's ws. adapters/child.py describes what it reads and writes.
import { readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const { url, ca, headers, origin } = JSON.parse(process.argv[2]);

// Synchronous, so that nothing is lost when the process is ended.
function report(what) {
  let data = Buffer.from(JSON.stringify(what) + '\n');
  while (data.length > 0) {
    try {
      data = data.subarray(writeSync(1, data));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

const socket = new WebSocket(url, { ca: readFileSync(ca), headers, origin: origin ?? undefined });

socket.on('unexpected-response', (_, response) => {
  const pieces = [];
  response.on('data', (piece) => pieces.push(piece));
  response.on('end', () => {
    const body = Buffer.concat(pieces).toString();
    report({ refused: { status: response.statusCode, headers: response.headers, body } });
    process.exit(0);
  });
});
socket.on('open', () => report({ open: { extensions: socket.extensions } }));
socket.on('message', (data, isBinary) => {
  if (isBinary) throw new Error('a binary message came');
  report({ message: data.toString() });
});
socket.on('pong', (data) => report({ pong: data.toString() }));
socket.on('close', (code) => {
  report({ closed: code });
  process.exit(0);
});

createInterface({ input: process.stdin }).on('line', (line) => {
  const what = JSON.parse(line);
  if ('send' in what) socket.send(what.send);
  if ('binary' in what) socket.send(Buffer.from(what.binary, 'base64'));
  if ('ping' in what) socket.ping(what.ping);
  if ('close' in what) socket.close(what.close);
  if ('fragments' in what) {
    what.fragments.forEach((part, i) => {
      socket.send(part, { fin: i === what.fragments.length - 1 });
    });
  }
});
