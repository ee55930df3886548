# docker build -t tune4j . && docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" tune4j ls
FROM eclipse-temurin:17-jdk-jammy AS build
WORKDIR /src
COPY . .
RUN ./mvnw -B -ntp -Prelease -DskipTests -Dspotless.check.skip -Dmaven.javadoc.skip -pl distribution -am package \
 && mkdir /opt/tune4j \
 && tar -xzf distribution/target/tune4j-*.tar.gz -C /opt/tune4j --strip-components=1

FROM eclipse-temurin:17-jre-jammy
# OpenMP, which both backends' natives load.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home tune \
 && mkdir /work \
 && chmod 1777 /home/tune /work
COPY --from=build /opt/tune4j /opt/tune4j
# How the JVM is started, and its class data; users cannot write there.
RUN LC_ALL=C.UTF-8 /opt/tune4j/bin/tune ls >/dev/null
# Also for a user of -u, whom the image does not know.
ENV HOME=/home/tune
# Arguments and file names are UTF-8.
ENV LC_ALL=C.UTF-8
USER tune
WORKDIR /work
ENTRYPOINT ["/opt/tune4j/bin/tune"]
CMD ["--help"]
