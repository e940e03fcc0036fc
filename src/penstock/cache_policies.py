"""Cache policies. Reference pages: concepts/caching, api-ref/python/prefect-cache_policies."""

from penstock._results.policies import DEFAULT as DEFAULT
from penstock._results.policies import FLOW_PARAMETERS as FLOW_PARAMETERS
from penstock._results.policies import INPUTS as INPUTS
from penstock._results.policies import NO_CACHE as NO_CACHE
from penstock._results.policies import NONE as NONE
from penstock._results.policies import RUN_ID as RUN_ID
from penstock._results.policies import TASK_SOURCE as TASK_SOURCE
from penstock._results.policies import CacheKeyFnPolicy as CacheKeyFnPolicy
from penstock._results.policies import CachePolicy as CachePolicy
from penstock._results.policies import CompoundCachePolicy as CompoundCachePolicy
from penstock._results.policies import FlowParameters as FlowParameters
from penstock._results.policies import Inputs as Inputs
from penstock._results.policies import RunId as RunId
from penstock._results.policies import TaskSource as TaskSource

__all__ = [
    "DEFAULT",
    "FLOW_PARAMETERS",
    "INPUTS",
    "NONE",
    "NO_CACHE",
    "RUN_ID",
    "TASK_SOURCE",
    "CacheKeyFnPolicy",
    "CachePolicy",
    "CompoundCachePolicy",
    "FlowParameters",
    "Inputs",
    "RunId",
    "TaskSource",
]
