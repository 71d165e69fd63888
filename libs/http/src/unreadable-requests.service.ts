import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Connections } from './connections.service.js';
import { PROBLEM_CONTENT_TYPE, problemDetails } from './problem-details.js';
import { newRequestId } from './request-id.js';

const STATUS_BY_ERROR_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** What Node reports of a connection: by its parser (`HPE_*`), its timeouts, or the system. */
export type ConnectionError = Error & { readonly code?: string };

/**
 * Answers what Node could not parse, or waited for in vain, and closes the connection: where one request ends and
 * the next begins is lost. Answers to earlier requests of the connection are written first.
 */
@Injectable()
export class UnreadableRequests {
  private readonly logger = new Logger('Http');

  constructor(private readonly connections: Connections) {}

  refuse(error: ConnectionError, socket: Socket): void {
    const connection = this.connections.of(socket);
    // What the parser gets after its error is an error again.
    if (!connection || connection.refused || socket.destroyed) return;
    connection.refuse();
    // A spare connection that was opened and never used deserves neither an answer nor a line.
    if (error.code === 'ECONNRESET' || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    const code = error.code ?? error.name;
    const status = STATUS_BY_ERROR_CODE[code] ?? 400;
    const last = connection.inFlight.at(-1);
    if (last && !last.sent && !last.request.raw.complete) this.answerHalfReceived(last, status);
    else this.answerUnknown(last, socket, code, status);
  }

  /** The head of the request was good and its body is not: it is a request like any other, with its own id and line. */
  private answerHalfReceived(reply: FastifyReply, status: number): void {
    const problem = problemDetails(status, reply.request.id, 'the body did not arrive as announced');
    void reply
      .code(status)
      .headers({ connection: 'close', 'content-type': PROBLEM_CONTENT_TYPE })
      .send(JSON.stringify(problem));
  }

  private answerUnknown(previous: FastifyReply | undefined, socket: Socket, code: string, status: number): void {
    const requestId = newRequestId();
    this.logger.log({
      request_id: requestId,
      code,
      status,
      remote_address: socket.remoteAddress,
      msg: 'request refused before it could be read; connection closed',
    });
    const answer = (): void => {
      if (socket.writable) socket.write(rawProblem(status, requestId));
      socket.destroySoon();
    };
    if (previous) previous.raw.once('finish', answer);
    else answer();
  }
}

/** A whole answer for where no Fastify reply exists, with the headers that every answer has. */
function rawProblem(status: number, requestId: string): string {
  const body = JSON.stringify(problemDetails(status, requestId));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `date: ${new Date().toUTCString()}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'x-content-type-options: nosniff',
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
