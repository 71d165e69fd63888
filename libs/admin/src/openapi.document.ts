import { type INestApplication, Injectable } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { PROBLEM_CONTENT_TYPE } from '#libs/http';

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'Problem details (RFC 9457).',
  required: ['type', 'title', 'status', 'request_id'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What is wrong with the request; never for a 5xx.' },
    request_id: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
  },
};

const REQUEST_ID_HEADER = {
  description: "The caller's `X-Request-Id` where it is sane, else one made for this request.",
  required: true,
  schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
};

/** The description of the HTTP interface (OpenAPI 3.1), made from the controllers when it is first asked for. */
@Injectable()
export class OpenApiDocument {
  private app: INestApplication | undefined;
  private document: OpenAPIObject | undefined;

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  /** The application exists only once its modules do. */
  describe(app: INestApplication): void {
    this.app = app;
  }

  get(): OpenAPIObject {
    this.document ??= this.create();
    return this.document;
  }

  private create(): OpenAPIObject {
    if (!this.app) throw new Error('there is no application to describe yet');
    const { name, version } = this.config.service;
    const base = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle(name)
      .setDescription('A trivial endpoint, and everything a platform expects around it.')
      .setVersion(version)
      .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
      .addBearerAuth({
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'opaque',
        description: 'Where `ADMIN_TOKEN` is set.',
      })
      .build();
    return withCommonAnswers(SwaggerModule.createDocument(this.app, base));
  }
}

/** What every operation answers, said once: the request's id, and a problem for all that goes wrong. */
function withCommonAnswers(document: OpenAPIObject): OpenAPIObject {
  const problem = {
    description: 'Anything else.',
    headers: { 'X-Request-Id': REQUEST_ID_HEADER },
    content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  const operations = Object.values(document.paths).flatMap((path) => [
    path.get,
    path.post,
    path.put,
    path.delete,
    path.patch,
  ]);
  for (const operation of operations) {
    if (!operation) continue;
    for (const answer of Object.values(operation.responses))
      if (answer && 'description' in answer) answer.headers = { ...answer.headers, 'X-Request-Id': REQUEST_ID_HEADER };
    operation.responses['default'] = problem;
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA },
  };
  return document;
}
