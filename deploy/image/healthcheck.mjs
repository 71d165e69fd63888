import { get } from 'node:http';

const port = process.env.MANAGEMENT_PORT || process.env.PORT || '8080';
const request = get({ host: '127.0.0.1', port, path: '/livez', timeout: 3000 }, (response) => {
  process.exitCode = response.statusCode === 200 ? 0 : 1;
  response.resume();
});
request.on('timeout', () => request.destroy(new Error('timed out')));
request.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
