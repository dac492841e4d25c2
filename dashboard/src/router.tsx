import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { administrationSearch } from "./administration/search";
import { alertsSearch } from "./alerts/search";
import { collectionSearch } from "./collections/search";
import { costsSearch } from "./costs/search";
import { graphSearch } from "./graph/search";
import { systemLogsSearch } from "./logs/search";
import { metricsSearch } from "./metrics/search";
import { Overview, overviewSearch } from "./overview/overview";
import { performanceSearch } from "./performance/search";
import { parseSearch, stringifySearch } from "./search";
import { NotFound } from "./shell/not-found";
import { projectSearch } from "./shell/project";
import { Shell } from "./shell/shell";
import { startSearch } from "./starting/search";
import { timelineSearch } from "./timeline/search";
import {
  attemptsSearch,
  compareSearch,
  logsSearch,
  planSearch,
  rejectsSearch,
  resultsSearch,
  tasksSearch,
} from "./workflow/searches";
import { workflowsSearch } from "./workflows/search";

/**
 * Pages are fragments of one address, as in `/#/workflows?status=failed`: plain paths belong to the API, and the
 * dashboard works behind any path that a proxy puts before it.
 */
const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch: projectSearch });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: Overview,
  validateSearch: overviewSearch,
});

const workflows = createRoute({
  getParentRoute: () => root,
  path: "/workflows",
  component: lazyRouteComponent(() => import("./workflows/workflows"), "Workflows"),
  validateSearch: workflowsSearch,
});

const workflow = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$workflow",
  component: lazyRouteComponent(() => import("./workflow/workflow"), "WorkflowPage"),
});

const tab = <Path extends string>(path: Path) => ({ getParentRoute: () => workflow, path }) as const;

const summary = createRoute({
  ...tab("/"),
  component: lazyRouteComponent(() => import("./workflow/summary"), "SummaryTab"),
});
const graph = createRoute({
  ...tab("/graph"),
  component: lazyRouteComponent(() => import("./graph/graph"), "GraphTab"),
  validateSearch: graphSearch,
});
const timeline = createRoute({
  ...tab("/timeline"),
  component: lazyRouteComponent(() => import("./timeline/timeline"), "TimelineTab"),
  validateSearch: timelineSearch,
});
const steps = createRoute({
  ...tab("/steps"),
  component: lazyRouteComponent(() => import("./workflow/steps"), "StepsTab"),
});
const tasks = createRoute({
  ...tab("/tasks"),
  component: lazyRouteComponent(() => import("./workflow/tasks"), "TasksTab"),
  validateSearch: tasksSearch,
});
const attempts = createRoute({
  ...tab("/attempts"),
  component: lazyRouteComponent(() => import("./workflow/attempts"), "AttemptsTab"),
  validateSearch: attemptsSearch,
});
const logs = createRoute({
  ...tab("/logs"),
  component: lazyRouteComponent(() => import("./workflow/logs"), "LogsTab"),
  validateSearch: logsSearch,
});
const results = createRoute({
  ...tab("/results"),
  component: lazyRouteComponent(() => import("./workflow/results"), "ResultsTab"),
  validateSearch: resultsSearch,
});
const rejects = createRoute({
  ...tab("/rejects"),
  component: lazyRouteComponent(() => import("./workflow/rejects"), "RejectsTab"),
  validateSearch: rejectsSearch,
});
const events = createRoute({
  ...tab("/events"),
  component: lazyRouteComponent(() => import("./workflow/events"), "EventsTab"),
});
const plan = createRoute({
  ...tab("/plan"),
  component: lazyRouteComponent(() => import("./workflow/plan"), "PlanTab"),
  validateSearch: planSearch,
});
const compare = createRoute({
  ...tab("/compare"),
  component: lazyRouteComponent(() => import("./workflow/compare"), "CompareTab"),
  validateSearch: compareSearch,
});

const start = createRoute({
  getParentRoute: () => root,
  path: "/start",
  component: lazyRouteComponent(() => import("./starting/starting"), "Starting"),
  validateSearch: startSearch,
});

const account = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("./account/account"), "Account"),
});

const administration = createRoute({
  getParentRoute: () => root,
  path: "/administration",
  component: lazyRouteComponent(() => import("./administration/administration"), "Administration"),
  validateSearch: administrationSearch,
});

const performance = createRoute({
  getParentRoute: () => root,
  path: "/performance",
  component: lazyRouteComponent(() => import("./performance/performance"), "Performance"),
  validateSearch: performanceSearch,
});

const costs = createRoute({
  getParentRoute: () => root,
  path: "/costs",
  component: lazyRouteComponent(() => import("./costs/costs"), "Costs"),
  validateSearch: costsSearch,
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  component: lazyRouteComponent(() => import("./alerts/alerts"), "Alerts"),
  validateSearch: alertsSearch,
});

const systemLogs = createRoute({
  getParentRoute: () => root,
  path: "/logs",
  component: lazyRouteComponent(() => import("./logs/logs"), "Logs"),
  validateSearch: systemLogsSearch,
});

const metrics = createRoute({
  getParentRoute: () => root,
  path: "/metrics",
  component: lazyRouteComponent(() => import("./metrics/metrics"), "Metrics"),
  validateSearch: metricsSearch,
});

const resources = createRoute({
  getParentRoute: () => root,
  path: "/resources",
  component: lazyRouteComponent(() => import("./resources/resources"), "Resources"),
});

const services = createRoute({
  getParentRoute: () => root,
  path: "/services",
  component: lazyRouteComponent(() => import("./services/services"), "Services"),
});

const collections = createRoute({
  getParentRoute: () => root,
  path: "/collections",
  component: lazyRouteComponent(() => import("./collections/collections"), "Collections"),
});

const collection = createRoute({
  getParentRoute: () => root,
  path: "/collections/$workflow",
  component: lazyRouteComponent(() => import("./collections/collection"), "Collection"),
  validateSearch: collectionSearch,
});

const tree = root.addChildren([
  overview,
  workflows,
  workflow.addChildren([
    summary,
    graph,
    timeline,
    steps,
    tasks,
    attempts,
    logs,
    results,
    rejects,
    events,
    plan,
    compare,
  ]),
  start,
  collections,
  collection,
  performance,
  costs,
  alerts,
  systemLogs,
  metrics,
  resources,
  services,
  account,
  administration,
]);

export const router = createRouter({
  routeTree: tree,
  history: createHashHistory(),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
