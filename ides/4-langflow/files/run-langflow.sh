#!/bin/sh
# Starts Langflow behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX            path that the platform serves this workbench under, such as /notebook/team/name
#   WORKBENCH_TOKEN      token that opens it (a new one at every start, which the log shows); without one,
#                        NB_PREFIX or WORKBENCH_AUTH=platform leave it to the platform who gets in
#   LANGFLOW_CONFIG_DIR  folder of its database, keys and files (.langflow at home, where a volume keeps them)
#   LANGFLOW_AUTO_LOGIN  whether it asks for no password (true: the front or the platform asks, and a
#                        workbench has one user); with false give LANGFLOW_SUPERUSER and
#                        LANGFLOW_SUPERUSER_PASSWORD too
#
# Langflow's other variables work as well, but for its address, which is the front's affair.
set -eu

umask 0002
# Kubeflow and JupyterHub mount the user's volume there.
[ ! -w /home/jovyan ] || export HOME=/home/jovyan
# Kubernetes sets LANGFLOW_PORT=tcp://… in a namespace with a service of that name, and Langflow would read it.
unset LANGFLOW_HOST LANGFLOW_PORT
# The page and its cookies stay below this path.
LANGFLOW_ROOT_PATH=${NB_PREFIX:-}
LANGFLOW_CONFIG_DIR=${LANGFLOW_CONFIG_DIR:-$HOME/.langflow}
# Otherwise the database would stand among the installed packages, and go with the container.
LANGFLOW_SAVE_DB_IN_CONFIG_DIR=true
LANGFLOW_AUTO_LOGIN=${LANGFLOW_AUTO_LOGIN:-true}
LANGFLOW_LOG_LEVEL=${LANGFLOW_LOG_LEVEL:-warning}
# What is built in a workbench is told to nobody, unless its user wants to.
DO_NOT_TRACK=${DO_NOT_TRACK:-true}
# LiteLLM would fetch its prices at every start, three times where there is no network; the package has some.
LITELLM_LOCAL_MODEL_COST_MAP=${LITELLM_LOCAL_MODEL_COST_MAP:-true}
export LANGFLOW_ROOT_PATH LANGFLOW_CONFIG_DIR LANGFLOW_SAVE_DB_IN_CONFIG_DIR LANGFLOW_AUTO_LOGIN LANGFLOW_LOG_LEVEL
export DO_NOT_TRACK LITELLM_LOCAL_MODEL_COST_MAP
# What an open page goes on asking, every five or thirty seconds, whether anybody looks at it or not.
exec python -I -m workbench_front --name langflow --strip-prefix --health /health \
    --heartbeat /health --heartbeat /health_check --heartbeat /api/v1/knowledge-base-storage/status \
    --heartbeat '/api/v1/flows/*/events' --heartbeat /api/v2/workflows/pending -- \
    langflow run --host 127.0.0.1 --port '{port}' --no-open-browser
