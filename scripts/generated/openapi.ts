import { readFileSync } from 'node:fs';
import { loadConfig } from '#libs/config';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

/** The OpenAPI document, as the last build of the service serves it. */
export async function openApi(): Promise<Record<string, string>> {
  const built = new URL('dist/apps/hello-world/src/create-app.js', root).href;
  const { createApp } = (await import(built)) as typeof import('../../apps/hello-world/src/create-app.ts');
  const { OpenApiDocument } = await import('#libs/admin');
  const { createRootLogger } = await import('#libs/logging');
  const config = loadConfig({ ADMIN_FLAGS_ENABLED: 'true' });
  const logSink = { write: () => undefined, droppedLines: 0 };
  const logger = createRootLogger(config.service, config.logging, logSink);
  const { app } = await createApp({ config, logger, logSink });
  try {
    const document = app.get(OpenApiDocument).get();
    // Not of the build, which may have been given another.
    document.info.version = version;
    return { 'docs/openapi.json': `${JSON.stringify(document, undefined, 2)}\n` };
  } finally {
    await app.close();
  }
}
