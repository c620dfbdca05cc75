"""The form and asset types that every domain has: DataZone's own (`amazon.datazone.…`).

Names, revisions and members are those of the API reference's examples and of published client code; revisions AWS has
not shown are assumptions.
"""

from dataclasses import dataclass

OWNER_DOMAIN = "dzd_amazon_datazone_domain"
OWNER_PROJECT = "dzd_amazon_datazone_domain_project"
PREFIX = "amazon.datazone."

GLUE_TABLE = PREFIX + "GlueTableAssetType"
GLUE_VIEW = PREFIX + "GlueViewAssetType"
GLUE_TABLE_FORM = "GlueTableForm"
GLUE_VIEW_FORM = "GlueViewForm"
COLUMN_FORM = "ColumnBusinessMetadataForm"
COMMON_FORM = "AssetCommonDetailsForm"
DATA_SOURCE_FORM = "DataSourceReferenceForm"
TERMS_FORM = "SubscriptionTermsForm"
DATA_QUALITY = PREFIX + "DataQualityResultFormType"


@dataclass(frozen=True)
class ManagedForm:
    revision: str
    smithy: str


@dataclass(frozen=True)
class ManagedAsset:
    """`forms`: form name to whether an asset must have it; its type is the form's name followed by `Type`."""

    revision: str
    forms: dict[str, bool]


_TABLE_MEMBERS = """
    catalogId: String
    region: String
    @required
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    tableName: String
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    databaseName: String
    tableArn: String
    tableType: String
    @amazon.datazone#searchable
    tableDescription: String
    sourceClassification: String
    sourceLocation: String
    compressionType: String
    catalogName: String
    primaryKeys: Names
    partitionKeys: Names
    sortKeys: Names
    lakeFormationDetails: LakeFormationDetails
    columns: Columns
}
list Names { member: String }
map Tags { key: String value: String }
structure LakeFormationDetails { lakeFormationManagedTable: Boolean lakeFormationTags: Tags }
list Columns { member: Column }
structure Column {
    @required
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    columnName: String
    dataType: String
    @amazon.datazone#searchable
    columnDescription: String
    lakeFormationTags: Tags
}
"""

FORMS: dict[str, ManagedForm] = {
    "GlueTableFormType": ManagedForm("13", "structure GlueTableFormType {" + _TABLE_MEMBERS),
    "GlueViewFormType": ManagedForm("8", "structure GlueViewFormType {" + _TABLE_MEMBERS),
    "ColumnBusinessMetadataFormType": ManagedForm(
        "8",
        """structure ColumnBusinessMetadataFormType { columnsBusinessMetadata: ColumnList }
        list ColumnList { member: ColumnBusinessMetadata }
        structure ColumnBusinessMetadata {
            @required columnIdentifier: String
            @amazon.datazone#searchable name: String
            @amazon.datazone#searchable description: String
            glossaryTerms: Terms
        }
        list Terms { member: String }""",
    ),
    "AssetCommonDetailsFormType": ManagedForm(
        "8",
        """structure AssetCommonDetailsFormType {
            sourceIdentifier: String
            @amazon.datazone#searchable readMe: String
            customProperties: Properties
        }
        map Properties { key: String value: String }""",
    ),
    "DataSourceReferenceFormType": ManagedForm(
        "4",
        """structure DataSourceReferenceFormType {
            filterableDataSourceId: String
            dataSourceIdentifier: Identifier
            dataSourceRunId: String
            dataSourceType: String
        }
        structure Identifier { id: String type: String }""",
    ),
    "SubscriptionTermsFormType": ManagedForm(
        "2",
        """structure SubscriptionTermsFormType { approvalRequired: ApprovalRequired termsAndConditions: String }
        enum ApprovalRequired { YES NO }""",
    ),
    "DataQualityResultFormType": ManagedForm(
        "8",
        """structure DataQualityResultFormType {
            evaluations: Evaluations
            @range(min: 0, max: 100) passingPercentage: Double
            @range(min: 0) evaluationsCount: Integer
        }
        list Evaluations { member: Evaluation }
        structure Evaluation {
            types: Names
            description: String
            details: Details
            applicableFields: Names
            status: Status
        }
        list Names { member: String }
        map Details { key: String value: String }
        enum Status { PASS FAIL SKIP }""",
    ),
    "S3ObjectCollectionFormType": ManagedForm(
        "7",
        """structure S3ObjectCollectionFormType {
            bucketArn: String
            accessPointArn: String
            awsAccount: String
            awsRegion: String
            objectKeys: Keys
            objectCount: Long
            objectFormats: Keys
        }
        list Keys { member: String }""",
    ),
    "RelationalTableFormType": ManagedForm(
        "1",
        """structure RelationalTableFormType {
            @required @amazon.datazone#searchable(modes: ["TECHNICAL"]) tableName: String
            columns: Columns
        }
        list Columns { member: Column }
        structure Column {
            @required @amazon.datazone#searchable(modes: ["TECHNICAL"]) columnName: String
            dataType: String
            @amazon.datazone#searchable columnDescription: String
        }""",
    ),
}

_REDSHIFT = """
    clusterType: String
    clusterName: String
    workgroupName: String
    region: String
    accountId: String
    clusterArn: String
    workgroupArn: String
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    databaseName: String
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    schemaName: String
    tableType: String
    @amazon.datazone#searchable
    {0}Description: String
    @required
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    {0}Name: String
    columns: Columns
}}
list Columns {{ member: Column }}
structure Column {{
    @required
    @amazon.datazone#searchable(modes: ["TECHNICAL"])
    columnName: String
    dataType: String
    @amazon.datazone#searchable
    columnDescription: String
}}
"""
FORMS |= {
    "RedshiftTableFormType": ManagedForm("6", "structure RedshiftTableFormType {" + _REDSHIFT.format("table")),
    "RedshiftViewFormType": ManagedForm("6", "structure RedshiftViewFormType {" + _REDSHIFT.format("view")),
    "SageMakerFeatureGroupFormType": ManagedForm(
        "2",
        """structure SageMakerFeatureGroupFormType {
            @required @amazon.datazone#searchable(modes: ["TECHNICAL"]) featureGroupName: String
            @required featureGroupArn: String
            @amazon.datazone#searchable featureGroupDescription: String
            recordIdentifierFeatureName: String
            eventTimeFeatureName: String
            creationTime: String
            lastModifiedTime: String
            offlineStoreStatus: String
            featureDefinitions: Features
        }
        list Features { member: Feature }
        structure Feature {
            @required @amazon.datazone#searchable(modes: ["TECHNICAL"]) featureName: String
            featureType: String
            collectionType: String
            collectionConfig: Document
        }""",
    ),
    "SageMakerModelPackageGroupFormType": ManagedForm(
        "2",
        """structure SageMakerModelPackageGroupFormType {
            @required @amazon.datazone#searchable(modes: ["TECHNICAL"]) modelPackageGroupName: String
            @required modelPackageGroupArn: String
            @amazon.datazone#searchable modelPackageGroupDescription: String
            modelPackageGroupStatus: String
            creationTime: String
        }""",
    ),
}

_COMMON = {COMMON_FORM: False, DATA_SOURCE_FORM: False, TERMS_FORM: False}
ASSETS: dict[str, ManagedAsset] = {
    "GlueTableAssetType": ManagedAsset("24", {GLUE_TABLE_FORM: True, COLUMN_FORM: False, **_COMMON}),
    "GlueViewAssetType": ManagedAsset("14", {GLUE_VIEW_FORM: True, COLUMN_FORM: False, **_COMMON}),
    "RedshiftTableAssetType": ManagedAsset("12", {"RedshiftTableForm": True, COLUMN_FORM: False, **_COMMON}),
    "RedshiftViewAssetType": ManagedAsset("12", {"RedshiftViewForm": True, COLUMN_FORM: False, **_COMMON}),
    "SageMakerFeatureGroupAssetType": ManagedAsset("2", {"SageMakerFeatureGroupForm": True, **_COMMON}),
    "SageMakerModelPackageGroupAssetType": ManagedAsset("2", {"SageMakerModelPackageGroupForm": True, **_COMMON}),
    "S3ObjectCollectionAssetType": ManagedAsset("13", {"S3ObjectCollectionForm": True, **_COMMON}),
}
