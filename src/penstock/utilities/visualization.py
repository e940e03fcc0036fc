"""What is behind `Flow.visualize`. Reference page: api-ref prefect-utilities-visualization."""

from penstock._engine.drawing import FlowVisualizationError as FlowVisualizationError
from penstock._engine.drawing import TaskVizTracker as TaskVizTracker
from penstock._engine.drawing import TaskVizTrackerState as TaskVizTrackerState
from penstock._engine.drawing import VisualizationUnsupportedError as VisualizationUnsupportedError
from penstock._engine.drawing import VizTask as VizTask
from penstock._engine.drawing import get_task_viz_tracker as get_task_viz_tracker
from penstock._engine.drawing import track_viz_task as track_viz_task
from penstock._engine.drawing_output import GraphvizExecutableNotFoundError as GraphvizExecutableNotFoundError
from penstock._engine.drawing_output import GraphvizImportError as GraphvizImportError
from penstock._engine.drawing_output import build_task_dependencies as build_task_dependencies
from penstock._engine.drawing_output import visualize_task_dependencies as visualize_task_dependencies

__all__ = [
    "FlowVisualizationError",
    "GraphvizExecutableNotFoundError",
    "GraphvizImportError",
    "TaskVizTracker",
    "TaskVizTrackerState",
    "VisualizationUnsupportedError",
    "VizTask",
    "build_task_dependencies",
    "get_task_viz_tracker",
    "track_viz_task",
    "visualize_task_dependencies",
]
