import { describe, expect, it } from '@jest/globals';
import { problemDetails } from './problem-details.js';

describe('problem details', () => {
  it('of a client error tell what is wrong', () => {
    expect(problemDetails(400, 'id', 'no such flag')).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'no such flag',
      request_id: 'id',
    });
  });

  it.each([500, 502, 503, 599])('of a %i tell nothing of the inside', (status) => {
    expect(problemDetails(status, 'id', 'the password is wrong')).not.toHaveProperty('detail');
  });

  it('leave out a detail that only repeats the title', () => {
    expect(problemDetails(404, 'id', 'Not Found')).not.toHaveProperty('detail');
  });

  it('of a status without a name have a title nevertheless', () => {
    expect(problemDetails(499, 'id')).toEqual({ type: 'about:blank', title: 'Error', status: 499, request_id: 'id' });
  });
});
