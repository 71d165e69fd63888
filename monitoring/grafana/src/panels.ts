/** Panels, as short to write as they are to say. Each says what it shows, in which unit, and from where on it is bad. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type {
  DashboardLinkBuilder,
  DynamicConfigValue,
  ThresholdsConfigBuilder,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { type DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { NoUnit } from '@grafana/grafana-foundation-sdk/units';
import { toRunbook } from './links.ts';
import { DATASOURCE } from './query.ts';

export interface PanelOptions {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** One of Grafana's (`units`). */
  readonly unit: string;
  readonly queries: readonly DataqueryBuilder[];
  /** Of the 24 columns of the grid. */
  readonly width: number;
  /** In rows of the grid. */
  readonly height?: number;
  readonly thresholds?: ThresholdsConfigBuilder;
  /** Alerts on what it shows: links to their runbooks. */
  readonly alerts?: readonly string[];
  /** What it says where there is nothing to show. */
  readonly noValue?: string;
}

/** What all builders of panels have in common; the SDK has no name for it. */
interface AnyPanelBuilder {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: typeof DATASOURCE): this;
  unit(unit: string): this;
  targets(targets: DataqueryBuilder[]): this;
  span(width: number): this;
  height(height: number): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  links(links: DashboardLinkBuilder[]): this;
  noValue(noValue: string): this;
}

/** One number a series: what holds now. */
export function stat(options: PanelOptions): StatBuilder {
  return panel(new StatBuilder(), { height: 4, ...options })
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

/** Curves over time, the thresholds as dashed lines. */
export function timeseries(options: PanelOptions): TimeseriesBuilder {
  const builder = panel(new TimeseriesBuilder(), options)
    .legend(legend().calcs(['lastNotNull', 'max']))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .showPoints(VisibilityMode.Never)
    .fillOpacity(10)
    .axisSoftMin(0);
  const dashed = new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);
  return options.thresholds === undefined ? builder : builder.thresholdsStyle(dashed);
}

/** Curves on top of each other: parts of a whole. */
export function stacked(options: PanelOptions): TimeseriesBuilder {
  return timeseries(options).stacking(new StackingConfigBuilder().mode(StackingMode.Normal)).fillOpacity(40);
}

/** How values are spread over the buckets of a histogram. The query sums by `le`. */
export function heatmap({ unit, queries, ...options }: PanelOptions): HeatmapBuilder {
  const buckets = queries.map((query) => query.format(PromQueryFormat.Heatmap));
  return panel(new HeatmapBuilder(), { ...options, unit, queries: buckets })
    .calculate(false)
    .yAxis(new YAxisConfigBuilder().unit(unit))
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').exponent(0.5).steps(64))
    .showLegend();
}

/** States over time, a line for each series. */
export function stateTimeline(options: Omit<PanelOptions, 'unit'>, states: ValueMapping): StateTimelineBuilder {
  return panel(new StateTimelineBuilder(), { ...options, unit: NoUnit })
    .mappings([states])
    .legend(legend())
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(80);
}

export interface TableOptions extends Omit<PanelOptions, 'unit'> {
  /** Labels to show as columns, in this order, with their headings; `Value` is the query's result. */
  readonly columns: Readonly<Record<string, string>>;
  /** Of `Value`. */
  readonly unit: string;
}

/** A row for each series. */
export function table({ columns, ...options }: TableOptions): TableBuilder {
  const labels = Object.keys(columns);
  return panel(new TableBuilder(), options).withTransformation({
    id: 'organize',
    options: {
      excludeByName: { Time: true },
      indexByName: Object.fromEntries(labels.map((label, index) => [label, index])),
      renameByName: columns,
    },
  });
}

/** Links in a table's cells. In the URL `${__value.text}` is what the cell says. */
export function cellLinks(title: string, url: string): DynamicConfigValue {
  return { id: 'links', value: [{ title, url, targetBlank: true }] };
}

/** Names and colours of the values of a state. */
export function states(of: Readonly<Record<string, readonly [text: string, color: string]>>): ValueMapping {
  const options = Object.entries(of).map(([value, [text, color]], index) => [value, { text, color, index }] as const);
  return { type: MappingType.ValueToText, options: Object.fromEntries(options) };
}

function legend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.Table)
    .placement(LegendPlacement.Bottom);
}

function panel<B extends AnyPanelBuilder>(builder: B, options: PanelOptions): B {
  const { title, description, unit, queries, width, height = 8, thresholds, alerts, noValue = 'No data' } = options;
  builder
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .targets(queries.map((query, index) => query.refId(String.fromCodePoint('A'.charCodeAt(0) + index))))
    .span(width)
    .height(height)
    .noValue(noValue);
  if (thresholds) builder.thresholds(thresholds);
  if (alerts) builder.links(alerts.map(toRunbook));
  return builder;
}
