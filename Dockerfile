# gruforecast serve, without TensorFlow.
#   docker build -t gruforecast .
#   docker run --rm --read-only -p 127.0.0.1:8000:8000 -v "$PWD/gruforecast_model:/model:ro" \
#     -v "$PWD/token:/run/token:ro" gruforecast --token-file /run/token
# docs/serving.md says more.
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1
WORKDIR /opt/gruforecast

# The pinned packages first: they change more rarely than the program.
COPY requirements/predict.txt requirements/predict.txt
RUN pip install -r requirements/predict.txt

COPY pyproject.toml README.md LICENSE ./
COPY gruforecast gruforecast
RUN pip install --no-deps . && rm -rf build gruforecast *.egg-info

# Nobody's files can be written, and none need be.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["gruforecast", "serve", "/model", "--host", "0.0.0.0"]
