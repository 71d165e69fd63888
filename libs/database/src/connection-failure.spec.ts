import { describe, expect, it } from '@jest/globals';
import { failureReason, isAuthenticationFailure, isServerAbsent } from './connection-failure.js';

const withCode = (code: string): Error => Object.assign(new Error('user "hello" at db'), { code });

describe('failureReason', () => {
  it.each([
    [withCode('ECONNREFUSED'), 'connection refused (ECONNREFUSED)'],
    [withCode('28P01'), 'authentication failed (28P01)'],
    [withCode('XX000'), 'XX000'],
    [new Error('Query read timeout'), 'no answer in time'],
    [new Error('timeout exceeded when trying to connect'), 'no answer in time'],
    [new Error('Connection terminated due to connection timeout'), 'no answer in time'],
    [new Error('Connection terminated unexpectedly'), 'connection cut off'],
    [new Error('The server does not support SSL connections'), 'The server does not support SSL connections'],
    [Object.assign(new Error('numbered'), { code: 7 }), 'numbered'],
    [new Error('cannot connect to db:5432', { cause: withCode('ECONNREFUSED') }), 'connection refused (ECONNREFUSED)'],
    ['just text', 'just text'],
  ])('puts %s into a few words', (error, reason) => {
    expect(failureReason(error)).toBe(reason);
  });
});

describe('isServerAbsent', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET', '57P03', '53300', '08006'])(
    'waits for a server that may come: %s',
    (code) => {
      expect(isServerAbsent(withCode(code))).toBe(true);
    },
  );

  it.each(['28P01', '3D000', '42501', 'ERR_TLS_CERT_ALTNAME_INVALID', 'SELF_SIGNED_CERT_IN_CHAIN'])(
    'does not wait for one that refuses: %s',
    (code) => {
      expect(isServerAbsent(withCode(code))).toBe(false);
    },
  );

  it('waits for a server that accepts and does not answer', () => {
    expect(isServerAbsent(new Error('Connection terminated due to connection timeout'))).toBe(true);
    expect(isServerAbsent('timeout')).toBe(false);
  });
});

describe('isAuthenticationFailure', () => {
  it('tells a refused password from any other failure', () => {
    expect(isAuthenticationFailure(withCode('28P01'))).toBe(true);
    expect(isAuthenticationFailure(withCode('3D000'))).toBe(false);
    expect(isAuthenticationFailure(null)).toBe(false);
  });
});
