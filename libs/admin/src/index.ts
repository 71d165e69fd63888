export { AdminModule } from './admin.module.js';
export { OpenApiDocument } from './openapi.document.js';
