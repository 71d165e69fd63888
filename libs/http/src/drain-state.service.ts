import { Injectable } from '@nestjs/common';

/** Whether the service is on its way out: readiness fails, and every answer asks the client to reconnect elsewhere. */
@Injectable()
export class DrainState {
  private startedDraining = false;

  get draining(): boolean {
    return this.startedDraining;
  }

  /** There is no way back: a draining process ends. */
  startDraining(): void {
    this.startedDraining = true;
  }
}
