// What Grafana takes as a dashboard of Prometheus' answers, by its published types.

import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
  VariableModel,
} from "@grafana/schema";
import type {
  FieldConfig as TimeSeriesField,
  Options as TimeSeriesOptions,
} from "@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.js";
import type { Options as StatOptions } from "@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.js";

/** A type as JSON writes it: enumerations by their values. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : unknown;

/** A question to Prometheus. */
type Query = DataQuery & { refId: string; expr: string; legendFormat?: string; interval?: string };

/** A panel of one kind, whose fields are named: Grafana's own types let any be. */
type Of<Type extends string, Options, Custom> = Omit<Panel, "type" | "options" | "targets" | "fieldConfig"> & {
  type: Type;
  options: Partial<Options>;
  targets: Query[];
  fieldConfig: Omit<FieldConfigSource, "defaults"> & { defaults: Omit<FieldConfig, "custom"> & { custom?: Custom } };
};

type AnyPanel = Of<"timeseries", TimeSeriesOptions, TimeSeriesField> | Of<"stat", StatOptions, never> | RowPanel;

export type SavaDashboard = Json<
  Omit<Dashboard, "panels" | "annotations" | "templating"> & {
    panels: AnyPanel[];
    annotations: { list: (AnnotationQuery<Query> & { titleFormat: string; textFormat: string; tagKeys: string })[] };
    templating: { list: (VariableModel & { definition?: string })[] };
  }
>;
