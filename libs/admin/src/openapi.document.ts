import { type INestApplication, Injectable } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { PROBLEM_CONTENT_TYPE } from '#libs/http';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;
type ResponseObject = Exclude<NonNullable<OperationObject['responses'][string]>, { $ref: string }>;

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

/** What may befall any request. */
const COMMON_PROBLEMS: Problems = {
  400: 'The request is malformed, or says what it may not.',
  408: 'The request took too long to arrive.',
  417: 'An expectation other than `100-continue`.',
  429: 'Too many requests of one connection wait for their answers.',
  431: 'The head of the request is too large.',
  500: 'A fault of the service.',
};
/** What may befall a request with a body. */
const BODY_PROBLEMS: Problems = {
  413: 'The body is larger than `HTTP_BODY_LIMIT_BYTES`.',
  415: 'The body is not JSON.',
};
const ADMIN_PROBLEMS: Problems = {
  401: 'The bearer token is missing or wrong.',
  403: 'The request comes from another site, or names a host that may not.',
};

type Problems = Readonly<Record<number, string>>;

/** What is the same for all operations, said once: the request's id, and the problems they may end in. */
function withCommonAnswers(document: OpenAPIObject): OpenAPIObject {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations) as [string, OperationObject][]) {
      const problems = {
        ...COMMON_PROBLEMS,
        ...(method === 'get' ? {} : BODY_PROBLEMS),
        ...(path.startsWith('/admin/') ? ADMIN_PROBLEMS : {}),
      };
      for (const [status, description] of Object.entries(problems))
        operation.responses[status] ??= problemOf(description);
      for (const answer of Object.values(operation.responses) as ResponseObject[])
        answer.headers = { ...answer.headers, 'X-Request-Id': REQUEST_ID_HEADER };
    }
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA },
  };
  return document;
}

function problemOf(description: string): ResponseObject {
  return { description, content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } };
}
