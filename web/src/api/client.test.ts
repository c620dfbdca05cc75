import { expect, test } from 'vitest';
import { ApiProblem, unwrap } from './client';

function problemOf(status: number, error: unknown): ApiProblem {
  try {
    unwrap({ error, response: new Response('', { status }) });
  } catch (problem) {
    if (problem instanceof ApiProblem) return problem;
  }
  throw new Error('it should have been a problem');
}

test('a problem document is told in its own words', () => {
  const problem = problemOf(422, {
    title: 'The request has not the right shape',
    detail: 'name: too long',
    errors: [{ where: 'name', what: 'too long' }],
  });
  expect(problem.message).toBe('The request has not the right shape');
  expect(problem.detail).toBe('name: too long');
  expect(problem.at('name')).toBe('too long');
  expect(problem.at('reason')).toBeUndefined();
});

test('an answer that is no problem document is a problem all the same', () => {
  expect(problemOf(502, '<html>Bad gateway</html>').message).toBe('The server answered 502');
});

test('an answer without a body is no problem', () => {
  expect(unwrap({ response: new Response(null, { status: 204 }) })).toBeUndefined();
});
